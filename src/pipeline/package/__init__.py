"""The deployable folder: ONNX inside an MLflow model, its card, and the proof that it answers as the model does."""
