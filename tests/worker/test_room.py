from explorer.diffusion.memory_plan import room
from explorer.worker.room import room_facts


def test_a_worker_that_holds_nothing_tells_nothing_of_its_device_and_one_that_does_tells_all():
    assert room_facts({}, "cpu") == {"loaded": {}}
    told = room_facts({"model world cpu": 9}, "cpu")
    assert told["loaded"] and room(told).device == told["device"] == "cpu" and told["free_bytes"] > 0
