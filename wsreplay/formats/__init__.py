"""Other formats: JSON lines, HAR and mitmproxy files in, JSON lines and HAR out; cutting a recording."""
