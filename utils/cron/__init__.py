"""Cron: when the scripts start, the lines that say so, the user's crontab and the daemon."""
