"""Python imports this when it starts and this folder is in PYTHONPATH."""

import disturbed

if disturbed.SIZE:
    disturbed.install()
