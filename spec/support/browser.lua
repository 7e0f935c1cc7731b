-- SPDX-License-Identifier: MIT
--- A headless Chromium, driven by chromedriver: the WebDriver protocol, over
-- curl.
local cjson = require "cjson.safe"
local process = require "support.process"

local _M = {}

local flags = { "--headless=new", "--no-sandbox", "--disable-gpu",
  "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--hide-scrollbars",
  "--disable-dev-shm-usage" }

local Browser = {}
Browser.__index = Browser

local function request(self, method, path, body)
  local file = self.dir .. "/body"
  process.write(file, body or "{}")
  local text = process.run(("curl -sS -m 60 -X %s %s http://127.0.0.1:%s%s")
    :format(method, method == "POST"
      and "-H 'Content-Type: application/json' -d @" .. file or "",
      self.port, path))
  local answer = cjson.decode(text)
  assert(answer, text)
  if type(answer.value) == "table" and answer.value.error then
    error(tostring(answer.value.error) .. ": "
      .. tostring(answer.value.message):match "[^\n]*", 0)
  end
  return answer.value
end

-- A command of this session.
local function command(self, method, path, body)
  return request(self, method, "/session/" .. self.session .. path,
    body and cjson.encode(body))
end

--- Opens a page.
function Browser:open(url)
  command(self, "POST", "/url", { url = url })
end

--- A command of the DevTools protocol.
function Browser:devtools(name, params)
  return command(self, "POST", "/goog/cdp/execute",
    { cmd = name, params = params or { _ = 0 } })
end

--- The value of an expression of JavaScript.
function Browser:evaluate(expression)
  return self:devtools("Runtime.evaluate",
    { expression = expression, returnByValue = true }).result.value
end

--- The size of the page's place, in pixels, and "light" or "dark".
function Browser:show_as(width, height, theme)
  self:devtools("Emulation.setDeviceMetricsOverride",
    { width = width, height = height, deviceScaleFactor = 1, mobile = false })
  self:devtools("Emulation.setEmulatedMedia", { features = {
    { name = "prefers-color-scheme", value = theme },
  } })
end

--- The nodes of the accessibility tree that a screen reader sees, as
-- "role: name".
function Browser:accessibility_tree()
  local seen = {}
  for _, node in ipairs(self:devtools("Accessibility.getFullAXTree").nodes) do
    if not node.ignored then
      seen[#seen + 1] = ("%s: %s"):format(node.role and node.role.value or "",
        node.name and node.name.value or "")
    end
  end
  return seen
end

--- What the browser has to say since the last call: of kind "browser" what it
-- blocked or missed, of kind "performance" the events of the network.
function Browser:log(kind)
  return command(self, "POST", "/se/log", { type = kind })
end

--- Writes a picture of the page, from its top to `height` or its end.
function Browser:screenshot(path, width, height)
  local shot = self:devtools("Page.captureScreenshot", {
    captureBeyondViewport = true,
    clip = { x = 0, y = 0, width = width, height = height, scale = 1 },
  })
  process.write(path .. ".base64", shot.data)
  local output, status = process.run(("base64 -d <%s.base64 >%s")
    :format(path, path))
  os.remove(path .. ".base64")
  assert(status == 0, output)
end

--- Ends it, and removes its profile.
function Browser:close()
  pcall(command, self, "DELETE", "")
  self.started.stop()
  process.run("rm -rf " .. self.dir)
end

--- Starts a browser.
function _M.start()
  local dir = process.run("mktemp -d"):gsub("%s+$", "")
  local self = setmetatable({ dir = dir }, Browser)
  -- a port that was free a moment ago; Chromium writes into HOME
  self.started = process.start(("HOME=%s exec chromedriver --port=0 >%s/log"
    .. " 2>&1"):format(dir, dir))
  for _ = 1, 500 do
    self.port = (process.read(dir .. "/log") or "")
      :match "started successfully on port (%d+)"
    if self.port then
      break
    end
    process.sleep(0.05)
  end
  assert(self.port, process.read(dir .. "/log"))
  local args = { "--user-data-dir=" .. dir .. "/profile" }
  for i, flag in ipairs(flags) do
    args[i + 1] = flag
  end
  self.session = request(self, "POST", "/session", cjson.encode {
    capabilities = { alwaysMatch = {
      ["goog:loggingPrefs"] = { browser = "ALL", performance = "ALL" },
      ["goog:chromeOptions"] = { args = args },
    } },
  }).sessionId
  return self
end

return _M
