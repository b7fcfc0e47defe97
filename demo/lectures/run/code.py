"""Addresses as QR codes."""

import segno

_MOST = 1200  # characters of an address; a code of more cannot be read from paper


def code_of(address: str) -> str:
    """An address as a QR code for the camera of a telephone, in SVG of class `code`; "" where it is too long for one."""
    if len(address) > _MOST:
        return ""
    picture: str = segno.make(address, error="l", micro=False).svg_inline(
        border=2, omitsize=True, svgclass="code", lineclass=None
    )
    return picture
