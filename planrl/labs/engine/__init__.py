"""labs/engine"""
