"""Elements of SVG, in which every value is escaped."""

from markupsafe import Markup, escape


def element(name: str, *content: str, **attributes: object) -> Markup:
    """Return an element; content that is not Markup is escaped, and `class_` is the attribute class."""
    names = {key: key.rstrip("_").replace("_", "-") for key in attributes}
    listed = Markup().join(Markup(' {}="{}"').format(names[key], value) for key, value in attributes.items())
    if not content:
        return Markup("<{}{} />").format(name, listed)
    return Markup("<{}{}>{}</{}>").format(name, listed, Markup().join(escape(part) for part in content), name)
