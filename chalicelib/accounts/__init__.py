"""Who may call: users with their passwords and sessions, remote agents with their credentials, and limits."""
