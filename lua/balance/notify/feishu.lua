-- SPDX-License-Identifier: MIT
--- The robots of Feishu and Lark. With a secret, the time and its signature are
-- in the body: the key is "time, line end, secret", and the text is empty.
-- @module balance.notify.feishu

local bodies = require "balance.notify.body"
local core = require "balance.core"
local text = require "balance.notify.text"

local _M = { name = "feishu",
  options = { secret = { "string" }, keyword = { "string" } } }

local meanings = {
  [19021] = { hint = "the robot's secret is another one, or this machine's"
    .. " clock is wrong" },
  [19022] = { hint = "the robot does not take this machine's address" },
  [19024] = { hint = "the robot wants a keyword: give it as 'keyword'" },
  [11232] = { kind = "rate_limit" },
  [9499] = { kind = "rate_limit" },
}

function _M.request(event, options, now)
  -- "<at ...>" would call somebody; this is a character that looks like "<"
  local said = text.write(event, options.keyword):gsub("<", "\239\188\156")
  local document = { msg_type = "text", content = { text = said } }
  if options.secret then
    document.timestamp = ("%d"):format(now)
    document.sign = assert(core.hmac(
      { document.timestamp, "\n", options.secret }, {}))
  end
  return bodies.of(document)
end

function _M.read(status, reply)
  return bodies.read(status, reply, "code", "msg", meanings)
end

return _M
