"""What dvc.yaml runs."""
