"""Whole chapters: folders and archives of pages, page by page, under the same options as a single image."""
