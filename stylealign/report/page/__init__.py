"""The report page: one HTML file of a whole run. `document` writes it; `words` are what it says."""
