-- SPDX-License-Identifier: MIT
--- The robots of Feishu and Lark. With a secret, the time and its signature are
-- in the body: the key is "time, line end, secret", and the text is empty.
-- @module balance.notify.feishu

local bodies = require "balance.notify.body"
local text = require "balance.notify.text"

local _M = { name = "feishu",
  options = { secret = { "string" }, keyword = { "string" } } }

local meanings = {
  [19001] = { kind = "auth", hint = "no robot has this address" },
  [19021] = { hint = "the robot's secret is another one, or this machine's"
    .. " clock is wrong" },
  [19022] = { hint = "the robot does not take this machine's address" },
  [19024] = { hint = "the robot wants a keyword: give it as 'keyword'" },
  [11232] = { kind = "rate_limit", retry_after = 1 }, -- 5 a second
}

--- Makes the request for an event.
-- @tparam balance.AlarmEvent event
-- @tparam table options `secret` and `keyword`, each may be nil
-- @tparam number now Unix time
-- @treturn ?table `headers` and `body`
-- @treturn ?table where that is nil, the fields of a failure
function _M.request(event, options, now)
  -- "<at ...>" would call somebody; this is a character that looks like "<"
  local said = text.write(event, options.keyword):gsub("<", "\239\188\156")
  local document = { msg_type = "text", content = { text = said } }
  if options.secret then
    document.timestamp = ("%.0f"):format(math.floor(now))
    local problem
    document.sign, problem = bodies.sign(
      { document.timestamp, "\n", options.secret }, {})
    if problem then
      return nil, problem
    end
  end
  return bodies.of(document)
end

--- Reads a reply. Some have the older names alone.
-- @tparam integer status of HTTP
-- @tparam string reply
-- @treturn ?table the fields of a failure; nil: it was taken
function _M.read(status, reply)
  local said = bodies.decode(reply)
  if said and said.code == nil then
    return bodies.read(status, said, "StatusCode", "StatusMessage", meanings)
  end
  return bodies.read(status, said, "code", "msg", meanings)
end

return _M
