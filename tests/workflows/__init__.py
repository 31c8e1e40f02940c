"""Tests of the workflows in .github: linted, and their steps run against a stand-in GitHub."""
