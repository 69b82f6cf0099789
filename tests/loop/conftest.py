from support.browser import browser, new_page, page

__all__ = ["browser", "new_page", "page"]
