"""From the domain to what the API answers: pure functions, one file a noun."""
