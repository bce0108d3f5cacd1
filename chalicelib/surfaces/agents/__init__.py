"""The agents contract: projects, chats, jobs, logs, artifacts, secrets, for people, agents and administrators."""
