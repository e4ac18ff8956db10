"""Notifications: messages through apprise, heartbeats to a monitor, each incident once."""
