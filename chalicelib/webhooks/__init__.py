"""Webhooks: a user's jobs' messages, sent to where the user wants them."""
