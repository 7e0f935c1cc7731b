-- SPDX-License-Identifier: MIT
--- Wakes a light thread of nginx when the transport has something to do. nginx
-- cannot wait for a descriptor that it has not opened; but the thread of the
-- transport's waker can, and sends a datagram to a UDP cosocket.
-- @module balance.loop.nginx_waker

local core = require "balance.core"
local ngx = rawget(_G, "ngx")

local _M = {}

--- Seconds that a cosocket waits at most. In vain it does so only where the
-- datagrams get lost, and then ngx_lua logs an error.
_M.patience = 30

-- Where there is no thread, no UDP or no loopback, there is none soon after. It
-- is more than `patience`: a ticker that was given up ends before the next one
-- has a waker, which its `disconnect` would take away.
local try_again_after = 60 -- seconds
local next_try = 0

--- It has failed, and is not tried again for a while.
function _M.rest()
  next_try = core.now() + try_again_after
end

--- Closes what `connect` has made.
function _M.disconnect(socket, transport)
  transport:disarm() -- its port may be somebody else's soon
  socket:close()
end

--- Makes a cosocket that hears from the waker. It belongs to the running light
-- thread.
-- @tparam userdata transport with a transfer under way
-- @treturn ?table nil where it cannot be had
function _M.connect(transport)
  if core.now() < next_try then
    return nil
  end
  local port, nonce = transport:waker()
  local socket = port and ngx.socket.udp()
  if socket then
    socket:settimeout(_M.patience * 1000)
    if socket:setpeername("127.0.0.1", port) and socket:send(nonce)
      and transport:arm(1) then -- it has come
      return socket
    end
    _M.disconnect(socket, transport)
  end
  _M.rest()
  return nil
end

--- Waits until a step is due.
-- @tparam table socket
-- @tparam userdata transport
-- @tparam number limit seconds, after which it returns in any case
-- @treturn boolean false where this socket does not hear from the waker
function _M.wait(socket, transport, limit)
  return transport:arm(limit) and socket:receive(1) ~= nil
end

return _M
