"""A judgement as text, JSON, JUnit, SARIF, GitHub annotations or HTML."""
