"""The domain: data, models and their quality."""
