// SPDX-License-Identifier: Apache-2.0
import { HumanDuration } from '@backstage/types';

export interface Config {
  stagewire?: {
    /**
     * Publish on the event bus. On by default; off leaves the push alone.
     */
    bus?: boolean;

    /**
     * The topic on the event bus, "stagewire.catalog" by default.
     */
    topic?: string;

    /**
     * Send every change as a signed webhook too.
     */
    push?: {
      /**
       * Where to, "https://relay.example.com/hooks/catalog/backstage" for instance.
       */
      url: string;

      /**
       * Keys of Standard Webhooks: "whsec_..." signs by HMAC-SHA-256 (v1),
       * "whsk_..." by Ed25519 (v1a). Each request has a signature by each of them,
       * so that a key can be exchanged without a gap.
       * @deepVisibility secret
       */
      signing: string[];

      /**
       * How long the receiver may take to answer, 5 seconds by default.
       */
      timeout?: string | HumanDuration;
    };
  };
}
