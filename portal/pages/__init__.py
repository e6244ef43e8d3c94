"""The pages: one blueprint a page; asks the API, renders."""
