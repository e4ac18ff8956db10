"""Who is told what a night came to: messages through apprise, heartbeats to a monitor, each
incident once."""
