"""JobMessages: what the world is told of a job's changes, and the topic on which it is told."""
