-- SPDX-License-Identifier: MIT
--
-- What spec/c/walk_host.c runs too: one transfer is read and closed, and an
-- allocation fails meanwhile. Returns whether it could be read.
local endpoint, limit = ...

-- Lua 5.1 does not load a module again whose first load failed.
if type(package.loaded["balance.core"]) == "userdata" then
  package.loaded["balance.core"] = nil
end

local transport = require "balance.core".transport()
local transfer = transport:start { endpoint = endpoint, path = "/",
  timeout = limit, connect_timeout = limit }
if not transfer then
  return false
end
while not transfer:done() do
  transport:wait()
end
local has_result = pcall(transfer.result, transfer)
local has_header = pcall(transfer.header, transfer, "date")
transfer:close()
if pcall(transfer.id, transfer) then
  error "a wrong end: the transfer is not closed"
end
return has_result and has_header
