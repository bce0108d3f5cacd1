"""Projects and their teams: where they come from, their chats and messages, and the jobs that members see."""
