-- SPDX-License-Identifier: MIT
--- The version, written here and nowhere else.
return "0.1.0"
