"""Lines of marks -> digits, or a refusal."""
