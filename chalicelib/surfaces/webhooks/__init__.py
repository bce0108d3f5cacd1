"""Webhooks of users: where JobMessages are sent, and how that went."""
