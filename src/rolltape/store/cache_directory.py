"""The directory for what can be made again: `rolltape.tape.cache_directory`, under the name that this room uses."""

from rolltape.tape.cache_directory import cache_directory as cache_directory
