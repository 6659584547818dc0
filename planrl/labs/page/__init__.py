"""labs/page"""
