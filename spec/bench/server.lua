-- SPDX-License-Identifier: MIT
--- nginx with one worker, for a row.
local process = require "support.process"

local root = process.run "pwd":match "[^\n]*"
local directory = root .. "/build/bench"
local peer = os.getenv "RESTY_HTTP"

--- Starts it with a configuration of sides/, where names between at signs are
-- replaced. `setting` goes before the command. Returns its port, and a process
-- to be stopped.
return function(name, setting)
  local port = 20000 + math.random(20000)
  local modules = {}
  for line in process.read(os.getenv "SANDBOX_DIR" .. "/nginx.conf")
    :gmatch("load_module [^;]*;") do
    modules[#modules + 1] = line
  end
  local is_root = process.run("id -u") == "0\n"
  local values = {
    user = is_root and "user root;" or "", -- to read the sandbox's directory
    modules = table.concat(modules, "\n"), root = root, port = tostring(port),
    ca = os.getenv "SSL_CERT_FILE", peer = peer and peer .. "/?.lua" or "",
  }
  local conf = process.read(root .. "/spec/bench/sides/" .. name)
  process.write(directory .. "/nginx.conf", (conf:gsub("@(%l+)@", values)))
  os.remove(directory .. "/nginx.pid")
  local server = process.start(("PATH=$PATH:/usr/sbin; %s exec nginx"
    .. " -e stderr -p %s -c nginx.conf 2>%s/error.log"):format(setting or "",
    process.quote(directory), process.quote(directory)))
  process.await(directory .. "/nginx.pid")
  return port, server
end
