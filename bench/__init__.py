"""What the claims about cost and speed are measured with: ``python -m bench`` prints them beside their budgets."""
