// SPDX-License-Identifier: Apache-2.0

/**
 * Do something that may not take longer, nor outlive the signal. It is waited for no
 * more then, and told by a signal of its own.
 */
export async function limited<T>(
  ms: number,
  stop: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  let end = (_why: string) => {};
  const ended = new Promise<never>((_, reject) => {
    end = why => {
      const error = new Error(why);
      controller.abort(error);
      reject(error);
    };
  });
  const onStop = () => end('stopped');
  const timer = setTimeout(() => end(`no answer for ${ms} ms`), ms);
  stop.addEventListener('abort', onStop);
  try {
    stop.throwIfAborted();
    return await Promise.race([work(controller.signal), ended]);
  } finally {
    clearTimeout(timer);
    stop.removeEventListener('abort', onStop);
  }
}
