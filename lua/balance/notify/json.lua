-- SPDX-License-Identifier: MIT
--- A webhook of one's own: the event as JSON, with `text` for people, and
-- amounts as exact decimals, too. With a secret it has two headers:
-- `X-Balance-Timestamp`, Unix time, and `X-Balance-Signature`, the HMAC-SHA256 in
-- base64 of that time, a point and the body. Who checks it also refuses a time
-- that is some minutes old.
-- @module balance.notify.json

local bodies = require "balance.notify.body"
local clean = require("balance.failure").clean
local core = require "balance.core"
local text = require "balance.notify.text"
local words = require "balance.report.words"

local _M = { name = "json", options = { secret = { "string" } } }

local amounts = { "available", "threshold", "top_up" }

--- Makes the request for an event.
-- @tparam balance.AlarmEvent event
-- @tparam table options `secret`, which may be nil
-- @tparam number now Unix time
-- @treturn ?table `headers` and `body`
-- @treturn ?table where that is nil, the fields of a failure
function _M.request(event, options, now)
  local document = core.copy(event)
  for name, value in pairs(document) do
    document[name] = type(value) == "string" and (clean(value, {}) or "")
      or value
  end
  for _, name in ipairs(amounts) do
    document[name .. "_text"] = event[name] and words.decimal(event[name])
  end
  document.text = text.write(event)
  local request = bodies.of(document)
  if options.secret then
    local time = ("%.0f"):format(math.floor(now))
    local sign, problem = bodies.sign({ options.secret },
      { time, ".", request.body })
    if not sign then
      return nil, problem
    end
    request.headers["X-Balance-Timestamp"] = time
    request.headers["X-Balance-Signature"] = sign
  end
  return request
end

--- Reads a reply: each 2xx is well.
-- @tparam integer status of HTTP
-- @treturn ?table the fields of a failure; nil: it was taken
function _M.read(status)
  return (status < 200 or status > 299) and bodies.refuse(status) or nil
end

return _M
