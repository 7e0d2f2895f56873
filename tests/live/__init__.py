"""Tests on real servers: every driver behaves through the proxy as it does directly."""
