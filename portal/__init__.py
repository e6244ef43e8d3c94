"""What people use: pages, API, sign-in, SDK and command line."""
