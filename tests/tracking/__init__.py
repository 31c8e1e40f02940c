"""Tests of the mirror: what stands in W&B files and on a stand-in server, against DVCLive's files."""
