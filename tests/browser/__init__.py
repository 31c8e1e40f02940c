"""What GitHub makes of a comment, drawn in Chromium, and the pictures of the documentation."""
