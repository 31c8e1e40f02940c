"""The domain: data, models and their quality. Pure; it knows nothing of DVC, W&B or paths."""
