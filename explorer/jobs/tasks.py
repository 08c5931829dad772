"""Every typed task by its name. A chain (`after=`) runs only when the job before it has ended well."""

from __future__ import annotations

from explorer.jobs.case_tasks import *  # noqa: F403
from explorer.jobs.library_tasks import *  # noqa: F403
from explorer.jobs.task import TASKS, Task, task_from_json, task_to_json  # noqa: F401
