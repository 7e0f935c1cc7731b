-- SPDX-License-Identifier: MIT
--- Calls a method of a store, which may be anybody's.
-- @module balance.store.ask

local mistake = require "balance.mistake"

--- Calls a method. An error of it does not end the caller. (The pcall means
-- that a store must not yield in Lua 5.1.)
-- @tparam table|userdata store see `balance.store.memory`
-- @tparam string method
-- @param ... its arguments
-- @return what the method returned first
-- @treturn ?string where it failed, why; of `add`, "exists"
return function(store, method, ...)
  local ok, value, err = pcall(store[method], store, ...)
  if not ok then
    mistake.pass_on(value)
    value, err = nil, value
  end
  -- get() has flags beside a value, set() whether others had to go
  return value, not value and err and mistake.text(err) or nil
end
