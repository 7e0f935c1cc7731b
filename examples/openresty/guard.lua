-- SPDX-License-Identifier: MIT
--
-- Lets a request pass where its account has enough. It makes no call: it reads
-- what status.lua has put into the shared dictionary. A balance that is not
-- there is unknown, and never 0.
-- luacheck: std +ngx_lua
local cjson = require "cjson.safe"

local _M = {}

local balances = ngx.shared.balances

local function answer(status, body)
  ngx.status = status
  ngx.header["Content-Type"] = "application/json"
  ngx.header["Cache-Control"] = "no-store"
  ngx.say(cjson.encode(body))
  return ngx.exit(ngx.HTTP_OK) -- the status above is sent
end

--- For access_by_lua: see nginx.conf.
function _M.check(wanted)
  local known = balances:get("left " .. wanted.account)
  if not known then
    if wanted.unknown == "pass" then
      return
    end
    ngx.header["Retry-After"] = 60
    return answer(503, { error = "balance unknown", account = wanted.account })
  end
  local last = cjson.decode(known)
  if last.available < wanted.threshold then
    return answer(402, {
      error = "balance too low",
      account = wanted.account,
      available = last.available,
      unit = last.unit,
      threshold = wanted.threshold,
      age = ngx.time() - last.fetched_at, -- seconds
    })
  end
end

return _M
