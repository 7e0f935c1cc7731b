-- SPDX-License-Identifier: MIT
--- How this machine's clock is corrected: a service that refuses a signature
-- for its time also says what time it is.
-- @module balance.clock

local _M = {}

local max_offset = 86400 -- seconds; no clock is off by more

--- The correction to ask again with.
-- @tparam table failure
-- @tparam ?function is_refused whether a failure is about a signature's time;
-- nil: nothing is signed
-- @tparam ?number ahead seconds by which the server's clock is ahead of this
-- machine's, where that can be believed
-- @tparam number offset seconds, the correction that was used
-- @treturn ?number seconds; nil where it would not help
function _M.correction(failure, is_refused, ahead, offset)
  if not ahead or not is_refused or not is_refused(failure)
    or math.abs(ahead) > max_offset or ahead == offset then
    return nil
  end
  return ahead
end

return _M
