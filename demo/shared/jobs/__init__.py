"""Long jobs: work of minutes that visitors start, watch, leave and come back to, while the page stays usable.

A job is a generator of frozen reports. It runs in a thread of its own, so many at once as the host allows; the others wait
in line. Browsers ask now and then for what is newer than what they have: nobody holds a place in Gradio's queue meanwhile.
Everything here is bounded: how long a job computes, how many wait, how many ended ones are kept and for how long; and a job
that nobody looks at any more is stopped.
"""

from demo.shared.jobs.jobs import Jobs
from demo.shared.jobs.limits import JobLimits
from demo.shared.jobs.report import Look, Report, Work

__all__ = ["JobLimits", "Jobs", "Look", "Report", "Work"]
