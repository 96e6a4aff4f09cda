"""The page and the REST service: `inkread web`. Needs the extra 'web'."""
