-- SPDX-License-Identifier: MIT
--- Row 2: a warm call, beside a libcurl easy handle in C that is used again
-- and again and counts bytes.
local measure = require "bench.measure"
local warm = require "bench.warm"

for _, lua in ipairs { "lua5.4", "luajit" } do
  warm(2, lua, "a loop of curl_easy_perform in C", function(endpoint)
    return measure.program("easy_loop", endpoint)
  end)
end
