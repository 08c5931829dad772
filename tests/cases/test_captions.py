"""Words given with a picture: one line, of a length that can be a title or caption."""

from explorer.cases.given_caption import MOST, beside, one_line


def test_words_become_one_line_without_control_characters():
    assert one_line("  a red\n door\t\x00 by\u2028 Ada ") == "a red door by Ada"
    assert one_line(" \n ") == "" and len(one_line("ab " * MOST)) <= MOST


def test_words_beside_a_picture_are_read_from_the_text_file_of_its_name(tmp_path):
    picture = tmp_path / "door.png"
    assert beside(picture) == ""
    (tmp_path / "door.txt").write_bytes("a réd\r\ndoor".encode() + b" \xff")
    assert beside(picture) == "a réd door \ufffd"
