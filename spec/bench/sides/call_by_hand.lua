-- SPDX-License-Identifier: MIT
--- The call as one writes it down with a binding of libcurl and with cjson:
-- Debian's, `curl`, or Lua-cURLv3, `cURL`. One easy handle, kept.
--
-- call_by_hand.lua MODULE ORIGIN
local cjson = require "cjson"
local binding, url = arg[1], arg[2] .. "/api/v2/credits"
local headers = { "Authorization: Bearer " .. os.getenv "UDIO_API_KEY" }
local chunks

local function collect(chunk)
  chunks[#chunks + 1] = chunk
  return #chunk
end

local easy
if binding == "curl" then
  local curl = require "curl"
  easy = curl.easy_init()
  easy:setopt(curl.OPT_URL, url)
  easy:setopt(curl.OPT_CAINFO, os.getenv "SSL_CERT_FILE")
  easy:setopt(curl.OPT_HTTPHEADER, headers)
  easy:setopt(curl.OPT_NOSIGNAL, 1)
  easy:setopt(curl.OPT_WRITEFUNCTION, collect)
else
  easy = require(binding).easy {
    url = url, httpheader = headers, cainfo = os.getenv "SSL_CERT_FILE",
    nosignal = true, writefunction = collect,
  }
end

require "bench.sides.rounds"(function()
  chunks = {}
  assert(easy:perform())
  local body = cjson.decode(table.concat(chunks))
  assert(body.code == 200 and type(body.data.credits) == "number")
end)
