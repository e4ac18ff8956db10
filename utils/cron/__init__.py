"""Cron: the schedule of the scripts, its lines, the user's crontab and the daemon."""
